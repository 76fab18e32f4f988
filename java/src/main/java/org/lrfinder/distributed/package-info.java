/** Sweeps and trainings of several processes, on one machine or on many. */
@NullMarked
package org.lrfinder.distributed;

import org.jspecify.annotations.NullMarked;
