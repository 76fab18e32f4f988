/** Networks and optimizers of the command line, the tests and the benchmarks. Not for users. */
@NullMarked
package org.lrfinder.internal.models;

import org.jspecify.annotations.NullMarked;
