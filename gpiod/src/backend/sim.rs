//! The simulated board, reached over its socket.
