/**
 * Trains models, and finds their learning rate first: what Lightning's {@code
 * Trainer(auto_lr_find=True)} is to Python. {@link org.lrfinder.trainer.Trainer} trains a {@link
 * org.lrfinder.trainer.Model}, or a {@link org.lrfinder.trainer.TrainableModel} with batches of any
 * type.
 */
@NullMarked
package org.lrfinder.trainer;

import org.jspecify.annotations.NullMarked;
