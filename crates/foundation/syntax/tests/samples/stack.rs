//! A stack.

use std::collections::{HashMap, hash_map::{self, Entry as Slot}};
use std::fmt::*;
pub use crate::inner::Thing;
use serde as s;
extern crate alloc;

/// How many.
pub const LIMIT: usize = 10;

/// A stack of things.
///
/// It grows.
#[derive(Debug, Clone)]
// kept small
#[allow(dead_code)]
pub struct Stack<T> {
    items: Vec<T>,
}

impl<T: Clone> Stack<T> {
    /// An empty one.
    pub fn new() -> Self {
        Self { items: Vec::new() }
    }

    #[inline]
    pub fn push(&mut self, mut item: T, (a, b): (u8, u8)) -> &mut Self
    where
        T: Ord,
    {
        self.items.push(item);
        self
    }
}

impl<T> std::fmt::Display for Stack<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result { Ok(()) }
}

pub trait Shape {
    const SIDES: u32;
    fn area(&self) -> f64;
    fn name(&self) -> String { String::new() }
}

pub(crate) enum Kind { A, B(u8) }

type Pair = (u8, u8);

macro_rules! twice {
    ($e:expr) => { $e; $e };
}

mod inner {
    pub struct Thing;
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn works() {}
}
