/**
 * What computes the steps of a sweep: the native engine, which is the product, and the portable one
 * over the presets' own API, which is its reference and its fallback. Users choose by {@link
 * org.lrfinder.engine.EngineChoice}; the rest is for the finder.
 */
@NullMarked
package org.lrfinder.engine;

import org.jspecify.annotations.NullMarked;
