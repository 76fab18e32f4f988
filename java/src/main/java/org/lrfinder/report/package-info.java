/**
 * A page to share. It sees a result's values and nothing else: the finder, whose result makes a
 * page, knows it.
 */
@NullMarked
package org.lrfinder.report;

import org.jspecify.annotations.NullMarked;
