/**
 * The learning-rate finder: {@link org.lrfinder.LrFinder} does the sweep that a {@link
 * org.lrfinder.SweepTask} describes, {@link org.lrfinder.LrFinderResult} says what it found.
 */
@NullMarked
package org.lrfinder;

import org.jspecify.annotations.NullMarked;
