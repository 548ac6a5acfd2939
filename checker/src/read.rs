//! Files: plain or gzip, under a limit.

use crate::error::{Error, Kind};
use crate::graph::Graph;
use crate::onnx;
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Most bytes that a file may have, decompressed.
pub const MAX_BYTES: u64 = 4 << 30;

/// The bytes of a file, decompressed if it is gzip by its first two bytes, at most [`MAX_BYTES`].
pub fn file(path: impl AsRef<Path>) -> Result<Bytes, Error> {
    file_limited(path, MAX_BYTES)
}

/// As [`file()`], with another limit.
pub fn file_limited(path: impl AsRef<Path>, limit: u64) -> Result<Bytes, Error> {
    let path = path.as_ref();
    open_and_read(path, limit).map_err(|error| error.in_file(path))
}

/// The model in a file.
pub fn model(path: impl AsRef<Path>) -> Result<Graph, Error> {
    let path = path.as_ref();
    onnx::read(file(path)?).map_err(|error| error.in_file(path))
}

/// The SHA-256 digest of (decompressed) bytes, in lower-case hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    let digits = b"0123456789abcdef";
    let digest = Sha256::digest(bytes);
    digest
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|nibble| char::from(digits[usize::from(nibble)]))
        .collect()
}

fn open_and_read(path: &Path, limit: u64) -> Result<Bytes, Error> {
    let opened = File::open(path).and_then(|file| {
        let length = file.metadata()?.len();
        Ok((file, length))
    });
    let (mut file, length) = opened.map_err(|error| unreadable(&error))?;
    let mut bytes = Vec::new();
    // A directory or a device has a length that says nothing; the vector then grows as usual.
    let expected = usize::try_from(length.min(limit)).unwrap_or(0);
    bytes.try_reserve_exact(expected.min(1 << 32)).map_err(|_| too_large(limit))?;
    read_limited(&mut file, limit, &mut bytes)?.map_err(|error| unreadable(&error))?;
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes.into());
    }
    let mut plain = Vec::new();
    read_limited(&mut MultiGzDecoder::new(&bytes[..]), limit, &mut plain)?.map_err(|error| {
        Error::new(Kind::Io, format!("the gzip data cannot be decompressed: {error}"))
            .help("the file is cut off or damaged; `gzip -t` tests it")
    })?;
    Ok(plain.into())
}

/// Reads to the end; the outer error says that there is more than the limit.
fn read_limited(
    source: &mut impl Read,
    limit: u64,
    into: &mut Vec<u8>,
) -> Result<io::Result<()>, Error> {
    let read = source.take(limit.saturating_add(1)).read_to_end(into);
    if into.len() as u64 > limit {
        return Err(too_large(limit));
    }
    Ok(read.map(|_| ()))
}

fn too_large(limit: u64) -> Error {
    Error::new(Kind::TooLarge, format!("the file has more than {limit} bytes when decompressed"))
}

fn unreadable(error: &io::Error) -> Error {
    let new = Error::new(Kind::Io, format!("the file cannot be read: {error}"));
    match error.kind() {
        io::ErrorKind::NotFound => new.help("check the path"),
        io::ErrorKind::PermissionDenied => new.help("check the file's permissions"),
        _ => new,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;
    use std::path::PathBuf;

    /// A file in the system's folder for temporary files, removed at the end.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str, bytes: &[u8]) -> Scratch {
            let path =
                std::env::temp_dir().join(format!("plimsoll-read-{}-{name}", std::process::id()));
            std::fs::write(&path, bytes).unwrap();
            Scratch(path)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn plain_and_gzip_files_read_alike() {
        let text = b"some bytes, some bytes".repeat(10);
        for (name, bytes) in [
            ("plain", text.clone()),
            ("gzip", gzip(&text)),
            ("members", [gzip(&text[..50]), gzip(&text[50..])].concat()),
        ] {
            let scratch = Scratch::new(name, &bytes);
            assert_eq!(file(&scratch.0).unwrap(), text, "{name}");
        }
    }

    #[test]
    fn damaged_gzip_is_an_io_error_that_names_the_file() {
        let whole = gzip(&b"abc".repeat(100));
        let mut flipped = whole.clone();
        let crc = whole.len() - 6;
        flipped[crc] ^= 1;
        for (name, bytes) in [
            ("cut", whole[..whole.len() - 4].to_vec()),
            ("trailing", [&whole[..], b"garbage"].concat()),
            ("flipped", flipped),
        ] {
            let scratch = Scratch::new(name, &bytes);
            let error = file(&scratch.0).unwrap_err();
            assert_eq!(error.kind, Kind::Io, "{name}");
            assert_eq!(error.file.as_deref(), Some(&*scratch.0));
            assert!(error.help.is_some());
        }
    }

    #[test]
    fn the_limit_counts_decompressed_bytes() {
        let zeros = vec![0; 1 << 20];
        let scratch = Scratch::new("bomb", &gzip(&zeros));
        assert_eq!(file_limited(&scratch.0, 1 << 20).unwrap().len(), 1 << 20);
        assert_eq!(file_limited(&scratch.0, (1 << 20) - 1).unwrap_err().kind, Kind::TooLarge);
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = file("no/such/model.onnx").unwrap_err();
        assert_eq!(error.kind, Kind::Io);
        assert!(error.to_string().starts_with("no/such/model.onnx: "), "{error}");
    }

    #[test]
    fn digests_are_hexadecimal() {
        assert_eq!(sha256(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
