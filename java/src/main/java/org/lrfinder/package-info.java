/**
 * The learning-rate finder: {@link org.lrfinder.LrFinder} does the sweep that a {@link
 * org.lrfinder.SweepTask} describes, {@link org.lrfinder.LrFinderResult} says what it found.
 *
 * <p>How the packages hang together, and who owns which memory and state, is on one page of the
 * sources, {@code java/src/doc/architecture.md}.
 */
@NullMarked
package org.lrfinder;

import org.jspecify.annotations.NullMarked;
