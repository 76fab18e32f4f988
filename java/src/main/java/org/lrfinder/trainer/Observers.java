package org.lrfinder.trainer;

/** Who hears of a training. */
record Observers(Console console, TrainerListener listener, MetricsLogger logger) {}
