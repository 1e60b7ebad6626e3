use frames::{checksum, decode, encode};

#[test]
fn long_payloads() {
    assert_eq!(checksum(&[255; 256]), 0);
    assert_eq!(checksum(&[255, 2]), 1);
    assert_eq!(checksum(&[]), 0);
    let payload = vec![129; 1000];
    assert_eq!(decode(&encode(&payload)), Some(&payload[..]));
    assert_eq!(decode(&[1, 2, 4]), None);
}
