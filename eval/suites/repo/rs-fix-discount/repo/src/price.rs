use crate::customer::Customer;

/// The price in cents with shipping; shipping is free from 50.00.
pub fn with_shipping(cents: u32) -> u32 {
    if cents >= 5000 { cents } else { cents + 490 }
}

/// The price in cents after the customer's discount, rounded down.
pub fn discounted(cents: u32, customer: Customer) -> u32 {
    cents * (100 + customer.discount()) / 100
}
