import { findCity, findPerson } from "./database.js";

/** Returns the profile of a person as text, or null for somebody unknown. */
export async function loadProfile(id) {
  const person = await findPerson(id);
  if (person === null) {
    return null;
  }
  const city = findCity(person.cityId);
  return `${person.name} from ${city}`;
}
