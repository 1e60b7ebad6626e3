from addressbook.book import Contact, find_contact, sort_contacts
