/**
 * What the nodes say of their stages, and what follows from it for a call that is to be made: counts, names and arrays
 * are checked before anything is sent.
 */
package io.pyrpc.stage;
