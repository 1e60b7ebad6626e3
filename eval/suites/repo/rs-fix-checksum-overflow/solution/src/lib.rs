//! Frames of the serial line.

/// The sum of all bytes, modulo 256.
pub fn checksum(payload: &[u8]) -> u8 {
    let mut sum: u8 = 0;
    for byte in payload {
        sum = sum.wrapping_add(*byte);
    }
    sum
}

/// Puts the checksum behind the payload.
pub fn encode(payload: &[u8]) -> Vec<u8> {
    let mut frame = payload.to_vec();
    frame.push(checksum(payload));
    frame
}

/// Returns the payload, or `None` when the checksum is wrong.
pub fn decode(frame: &[u8]) -> Option<&[u8]> {
    let (last, payload) = frame.split_last()?;
    (checksum(payload) == *last).then_some(payload)
}
