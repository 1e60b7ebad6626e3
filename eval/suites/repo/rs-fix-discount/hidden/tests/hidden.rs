use checkout::customer::Customer;
use checkout::price::discounted;

#[test]
fn discounts() {
    assert_eq!(discounted(1000, Customer::Silver), 950);
    assert_eq!(discounted(999, Customer::Gold), 899);
    assert_eq!(discounted(0, Customer::Gold), 0);
    assert_eq!(Customer::Silver.discount(), 5);
}
