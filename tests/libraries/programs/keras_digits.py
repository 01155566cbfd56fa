"""Digits by Keras on torch, as in its guide to the functional API."""

import os

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits

keras.utils.set_random_seed(0)
x, y = load_digits(return_X_y=True)
order = np.random.permutation(len(y))
x, y = x[order].astype("float32") / 16, y[order]
x_train, y_train, x_test, y_test = x[:1400], y[:1400], x[1400:], y[1400:]

inputs = keras.Input(shape=(64,))
hidden = layers.Dense(64, activation="relu")(inputs)
outputs = layers.Dense(10)(hidden)
model = keras.Model(inputs, outputs)
model.compile(
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    optimizer=keras.optimizers.Adam(learning_rate=1e-3),
    metrics=["accuracy"],
)
history = model.fit(x_train, y_train, batch_size=32, epochs=15, validation_split=0.1, verbose=0)
print({name: values[-1] for name, values in history.history.items()})
print(model.evaluate(x_test, y_test, verbose=0))
