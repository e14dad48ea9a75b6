// Makes the members of MONGO_MEMBERS a replica set, and gives lct its user. It may run again at any
// time: a set that is there stays, and the user gets the password of MONGO_PASSWORD.
//
// It comes as __system, the user of the members themselves, whose password is the key file. So it
// works from outside, where MongoDB makes no exception for an empty server. Passwords come by the
// environment: a command line would show them.
const hosts = process.env.MONGO_MEMBERS.split(",");
const key = encodeURIComponent(process.env.MONGO_KEY.replace(/\s/g, ""));
const database = process.env.LCT_MONGO_DB || "lct";

const open = (where, options) =>
  connect(`mongodb://__system:${key}@${where}/admin?authSource=local&${options}`);

const first = open(hosts[0], "directConnection=true");
try {
  first.adminCommand({ replSetGetStatus: 1 });
} catch (error) {
  if (error.codeName !== "NotYetInitialized") throw error;
  const members = hosts.map((host, number) => ({ _id: number, host }));
  first.adminCommand({ replSetInitiate: { _id: "rs0", members } });
  print("replica set initiated");
}

// Waits for a primary, for a minute.
const set = open(hosts.join(","), "replicaSet=rs0&w=majority&serverSelectionTimeoutMS=60000");
const users = set.getSiblingDB(database);
const pwd = process.env.MONGO_PASSWORD;
const roles = [{ role: "readWrite", db: database }];
if (users.getUser("lct") === null) {
  users.createUser({ user: "lct", pwd, roles });
  print("user created");
} else {
  users.updateUser("lct", { pwd, roles });
  print("user updated");
}
