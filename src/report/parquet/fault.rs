//! What can go wrong with a Parquet file, as an error of it and as one of reading and writing.

use std::io;

use parquet::errors::ParquetError;

/// The error of the file or of the caller that is inside, if there is one.
pub(crate) fn io_error(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(error) => match error.downcast() {
            Ok(error) => *error,
            Err(error) => io::Error::other(error),
        },
        ParquetError::General(what) => io::Error::other(what),
        error => io::Error::other(error),
    }
}

/// What is wrong with the file.
pub(crate) fn broken(what: &str) -> ParquetError {
    ParquetError::General(what.to_owned())
}
