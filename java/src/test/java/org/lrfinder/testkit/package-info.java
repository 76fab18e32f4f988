/**
 * What the tests share: networks, optimizers, data, what a model is before and after, engines. A
 * new optimizer is one line in {@link org.lrfinder.testkit.OptimizerSpec}.
 */
package org.lrfinder.testkit;
