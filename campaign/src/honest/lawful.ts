import { setTimeout as sleep } from "node:timers/promises";
import { allow, erased, letters, published, putBack, retired } from "../world/lawful.ts";
import type { HonestChange } from "./change.ts";

/** Rows leave, and what was mended is approved: each by the rule that makes it lawful. */
export const LAWFUL: readonly HonestChange[] = [
  {
    name: "rows retired by their retention",
    run: async (world, _random, fresh) =>
      await retired(world, await letters(world, `letters_${fresh()}`, ", retention => 'PT1S'")),
  },
  {
    name: "a partition dropped under a retention",
    run: async (world, _random, fresh) => {
      const relation = `public.letters_${fresh()}`;
      await world.honest.unsafe(
        `create table ${relation} (id int primary key, body text) partition by range (id);
         create table ${relation}_old partition of ${relation} for values from (0) to (10);
         create table ${relation}_new partition of ${relation} for values from (10) to (20);
         select public.audit_chain_attach('${relation}', changes => 'refuse');
         insert into ${relation} values (1, 'old'), (2, 'old')`,
      );
      await published(world);
      allow(world, relation, { retention: "PT1S" });
      await sleep(1_100);
      await world.honest.unsafe(`insert into ${relation} values (11, 'new'); drop table ${relation}_old`);
    },
  },
  {
    name: "a row erased on request",
    run: async (world, random, fresh) => {
      const salted = random.pick(["", ", salt => true"]);
      await erased(world, await letters(world, `letters_${fresh()}`, salted), random.between(1, 3));
    },
  },
  {
    name: "rows edited and deleted by hand, put back from a backup",
    run: async (world, random, fresh) => {
      const salted = random.pick(["", ", salt => true"]);
      await putBack(world, await letters(world, `letters_${fresh()}`, salted), "a letter");
    },
  },
  {
    name: "an edit by hand, accepted and then changed honestly",
    run: async (world, _random, fresh) => {
      const relation = `public.letters_${fresh()}`;
      await world.honest.unsafe(
        `create table ${relation} (id int primary key, body text);
         select public.audit_chain_attach('${relation}', mode => 'strict', changes => 'track');
         insert into ${relation} values (1, 'a letter'), (2, 'another')`,
      );
      await published(world);
      await world.attacker.unsafe(`update ${relation} set body = 'by hand' where id = 1`);
      await world.accept();
      await published(world);
      await world.honest.unsafe(`update ${relation} set body = 'by the application' where id = 1`);
    },
  },
  {
    name: "owners and rights lost, and put back by a repair",
    run: async (world) => {
      await world.honest.unsafe(
        `alter table public.audit_chain owner to current_user; revoke all on public.audit_chain_config from scidex_audit_inspector;
         alter function public.audit_chain_seal(integer) owner to current_user`,
      );
      await world.runWell("audit-chain", "superuser", ["init", "--repair"]);
    },
  },
];
