use checkout::customer::Customer;
use checkout::price::{discounted, with_shipping};

#[test]
fn gold_customers_pay_less() {
    assert_eq!(discounted(2000, Customer::Gold), 1800);
}

#[test]
fn normal_customers_pay_the_price() {
    assert_eq!(discounted(2000, Customer::Normal), 2000);
}

#[test]
fn shipping() {
    assert_eq!(with_shipping(1000), 1490);
    assert_eq!(with_shipping(5000), 5000);
}
