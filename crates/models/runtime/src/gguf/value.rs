use std::io::Read;

use super::GgufFault;
use super::reader::BoundedReader;

/// Arrays in arrays in arrays: nothing real goes deeper.
const MAX_DEPTH: u32 = 4;

/// A value of the metadata, as far as it is of interest.
pub(super) enum Value {
    Unsigned(u64),
    Text(String),
    Other,
}

impl Value {
    pub(super) fn as_u32(&self) -> Option<u32> {
        match self {
            Self::Unsigned(number) => u32::try_from(*number).ok(),
            Self::Text(_) | Self::Other => None,
        }
    }

    pub(super) fn into_text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Unsigned(_) | Self::Other => None,
        }
    }
}

/// The numbers that stand for types in the file.
pub(super) const TEXT: u32 = 8;
pub(super) const ARRAY: u32 = 9;

pub(super) fn read_value<R: Read>(reader: &mut BoundedReader<R>, kind: u32) -> Result<Value, GgufFault> {
    Ok(match kind {
        0 => Value::Unsigned(reader.array::<1>()?[0].into()),
        2 => Value::Unsigned(u16::from_le_bytes(reader.array()?).into()),
        4 => Value::Unsigned(reader.u32()?.into()),
        // Some converters write counts as signed numbers.
        5 => u64::try_from(i32::from_le_bytes(reader.array()?)).map_or(Value::Other, Value::Unsigned),
        10 => Value::Unsigned(reader.u64()?),
        TEXT => Value::Text(reader.text()?),
        kind => {
            skip_value(reader, kind, 0)?;
            Value::Other
        }
    })
}

pub(super) fn skip_value<R: Read>(
    reader: &mut BoundedReader<R>,
    kind: u32,
    depth: u32,
) -> Result<(), GgufFault> {
    match kind {
        TEXT => reader.skip_text(),
        ARRAY => skip_array(reader, depth),
        kind => reader.skip(scalar_bytes(kind)?),
    }
}

fn skip_array<R: Read>(reader: &mut BoundedReader<R>, depth: u32) -> Result<(), GgufFault> {
    if depth == MAX_DEPTH {
        return Err(GgufFault::Malformed("its metadata nests too deeply".to_owned()));
    }
    let (kind, count) = array_header(reader)?;
    if kind == TEXT || kind == ARRAY {
        for _ in 0..count {
            skip_value(reader, kind, depth + 1)?;
        }
        return Ok(());
    }
    // Admitted by `array_header`, so it cannot overflow.
    reader.skip(count.saturating_mul(scalar_bytes(kind)?))
}

/// Type and number of the elements of an array, checked against what is left of the file.
pub(super) fn array_header<R: Read>(reader: &mut BoundedReader<R>) -> Result<(u32, u64), GgufFault> {
    let (kind, count) = (reader.u32()?, reader.u64()?);
    let least = match kind {
        TEXT => 8,
        ARRAY => 12,
        kind => scalar_bytes(kind)?,
    };
    reader.admit(count, least)?;
    Ok((kind, count))
}

fn scalar_bytes(kind: u32) -> Result<u64, GgufFault> {
    Ok(match kind {
        0 | 1 | 7 => 1,
        2 | 3 => 2,
        4..=6 => 4,
        10..=12 => 8,
        kind => {
            return Err(GgufFault::Malformed(format!(
                "its metadata has a value of unknown type {kind}"
            )));
        }
    })
}
