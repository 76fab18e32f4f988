/**
 * What computes steps: the native engine, which is the product, and the portable one over the
 * presets' own API, which is its reference and its fallback. Not for users.
 */
@NullMarked
package org.lrfinder.internal.engine;

import org.jspecify.annotations.NullMarked;
