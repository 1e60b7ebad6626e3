"use strict";

/** Returns the name for the door sign. */
function fullName(person) {
  return person.first + " " + person.last;
}

/** Returns the people sorted by their last name. */
function byLastName(people) {
  return [...people].sort((a, b) => a.last.localeCompare(b.last));
}

/** Returns the age in whole years. */
function age(person, year) {
  return year - person.born;
}

module.exports = { fullName, byLastName, age };
