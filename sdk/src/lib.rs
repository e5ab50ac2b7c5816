//! Client library of gpiod.
