// Makes the members of MONGO_MEMBERS a replica set, and gives lct its user. It may run again at any
// time: an existing set stays, and the user gets the password of MONGO_PASSWORD.
//
// It logs in as __system, the members' own user, whose password is the key file. That works from
// another host too, where MongoDB's localhost exception for an empty server does not apply.
// Passwords come from the environment: a command line would show them.
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

// Waits up to a minute for a primary.
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
