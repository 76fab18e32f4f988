/**
 * Times whole sweeps of the library against loops that do the same work without it, and measures
 * what its answers are worth.
 */
@NullMarked
package org.lrfinder.benchmarks;

import org.jspecify.annotations.NullMarked;
