/** For tests of your own: what checks a part that you give to the client. */
package io.pyrpc.testing;
