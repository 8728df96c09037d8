/** What became of a job: what went where and when, how soon it could have ended, and what it lost its time to. */
package io.pyrpc.client.receipt;
