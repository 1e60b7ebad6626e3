use frames::{checksum, decode, encode};

#[test]
fn small() {
    assert_eq!(checksum(&[1, 2, 3]), 6);
    assert_eq!(decode(&encode(b"ok")), Some(&b"ok"[..]));
}

#[test]
fn wraps_around() {
    assert_eq!(checksum(&[200, 100]), 44);
}
