use blog::{between, newest, Post};

fn posts() -> Vec<Post> {
    vec![Post::new("b", 2), Post::new("d", 9), Post::new("a", 1), Post::new("c", 5)]
}

#[test]
fn the_newest_come_first() {
    let titles: Vec<String> = newest(&posts(), 2).into_iter().map(|post| post.title).collect();
    assert_eq!(titles, ["d", "c"]);
}

#[test]
fn days() {
    assert_eq!(between(&posts(), 2, 5).len(), 2);
}
