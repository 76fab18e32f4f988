/**
 * Times sweeps and trainings against what does the same elsewhere, in turn: {@link
 * org.lrfinder.benchmarks.speed.Speed} is the program, a {@link
 * org.lrfinder.benchmarks.speed.Contender} one way to do it, a {@link
 * org.lrfinder.benchmarks.speed.Figure} what is measured, {@link
 * org.lrfinder.benchmarks.speed.SpeedReport} what comes of it.
 */
@NullMarked
package org.lrfinder.benchmarks.speed;

import org.jspecify.annotations.NullMarked;
