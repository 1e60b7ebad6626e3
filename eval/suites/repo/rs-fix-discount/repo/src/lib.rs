//! What a customer pays.

pub mod customer;
pub mod price;
