use std::io::Read;

use super::GgufFault;
use super::reader::BoundedReader;

/// The fewest bytes that describe a tensor: an empty name, one dimension, a type and an offset.
const MIN_DESCRIPTION: u64 = 8 + 4 + 8 + 4 + 8;
const MAX_DIMENSIONS: u32 = 8;

/// Reads the descriptions of all tensors and returns where, after the padding, the last of them ends.
pub(super) fn read_extent<R: Read>(
    reader: &mut BoundedReader<R>,
    count: u64,
    alignment: u64,
) -> Result<u64, GgufFault> {
    reader.admit(count, MIN_DESCRIPTION)?;
    let mut extent = 0;
    for _ in 0..count {
        extent = extent.max(read_end(reader)?);
    }
    let data = reader.position().checked_next_multiple_of(alignment);
    data.and_then(|data| data.checked_add(extent))
        .ok_or_else(beyond_counting)
}

/// Where one tensor ends, counted from the start of the tensor data.
fn read_end<R: Read>(reader: &mut BoundedReader<R>) -> Result<u64, GgufFault> {
    reader.skip_text()?;
    let dimensions = reader.u32()?;
    if dimensions > MAX_DIMENSIONS {
        return Err(GgufFault::Malformed(format!(
            "a tensor in it has {dimensions} dimensions"
        )));
    }
    let mut elements = 1_u64;
    for _ in 0..dimensions {
        elements = elements.checked_mul(reader.u64()?).ok_or_else(beyond_counting)?;
    }
    let (kind, offset) = (reader.u32()?, reader.u64()?);
    // A type that is newer than this table: at least its offset is known.
    let bytes = match block(kind) {
        Some((length, bytes)) => elements
            .div_ceil(length)
            .checked_mul(bytes)
            .ok_or_else(beyond_counting)?,
        None => 0,
    };
    offset.checked_add(bytes).ok_or_else(beyond_counting)
}

/// Elements and bytes of one block of a tensor type (`ggml_type` in ggml.h).
fn block(kind: u32) -> Option<(u64, u64)> {
    Some(match kind {
        0 | 26 => (1, 4),
        1 | 25 | 30 => (1, 2),
        2 | 20 => (32, 18),
        3 => (32, 20),
        6 => (32, 22),
        7 => (32, 24),
        8 => (32, 34),
        9 => (32, 36),
        10 => (256, 84),
        11 | 21 => (256, 110),
        12 => (256, 144),
        13 => (256, 176),
        14 => (256, 210),
        15 => (256, 292),
        16 | 35 => (256, 66),
        17 => (256, 74),
        18 => (256, 98),
        19 => (256, 50),
        22 => (256, 82),
        23 => (256, 136),
        24 => (1, 1),
        27 | 28 => (1, 8),
        29 => (256, 56),
        34 => (256, 54),
        39 => (32, 17),
        _ => return None,
    })
}

fn beyond_counting() -> GgufFault {
    GgufFault::Malformed("the size of a tensor in it is beyond counting".to_owned())
}
