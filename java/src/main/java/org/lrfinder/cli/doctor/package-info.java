/** The checks of {@code lrfinder doctor}. Nothing here loads a native library but {@code Probe}. */
@NullMarked
package org.lrfinder.cli.doctor;

import org.jspecify.annotations.NullMarked;
