//! Posts of a blog.

/// One post; `day` counts from the first day of the blog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    pub title: String,
    pub day: u32,
}

impl Post {
    pub fn new(title: &str, day: u32) -> Self {
        Self { title: title.to_string(), day }
    }
}

/// The newest posts, the newest first, at most `count`.
pub fn newest(posts: &[Post], count: usize) -> Vec<Post> {
    let mut sorted = posts.to_vec();
    sorted.sort_by(|a, b| b.day.cmp(&a.day));
    sorted.truncate(count);
    sorted
}

/// The posts from one day to another, both included.
pub fn between(posts: &[Post], from: u32, to: u32) -> Vec<&Post> {
    posts.iter().filter(|post| post.day >= from && post.day <= to).collect()
}
