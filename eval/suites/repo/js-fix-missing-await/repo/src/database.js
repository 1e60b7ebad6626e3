const PEOPLE = new Map([
  [1, { name: "Ann", cityId: 10 }],
  [2, { name: "Bob", cityId: 20 }],
]);
const CITIES = new Map([
  [10, "Bonn"],
  [20, "Kiel"],
]);

export async function findPerson(id) {
  return PEOPLE.get(id) ?? null;
}

export async function findCity(id) {
  return CITIES.get(id) ?? "unknown";
}
