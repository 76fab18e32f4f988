/**
 * What suggestions are worth: tasks of {@code benchmarks/tasks} trained at all rates of a grid, and
 * finders, the library's and others', asked about each.
 */
@org.jspecify.annotations.NullMarked
package org.lrfinder.benchmarks.quality;
