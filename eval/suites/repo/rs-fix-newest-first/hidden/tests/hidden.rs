use blog::{newest, Post};

#[test]
fn order_and_count() {
    let posts = [Post::new("x", 3), Post::new("y", 30), Post::new("z", 7)];
    let days = |count| newest(&posts, count).iter().map(|post| post.day).collect::<Vec<_>>();
    assert_eq!(days(10), [30, 7, 3]);
    assert_eq!(days(1), [30]);
    assert!(days(0).is_empty());
}
