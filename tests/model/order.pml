/* The protocol of one machine: a controller that orders works of several kinds, cancels and orders again, a network that
 * delays, loses, repeats and reorders, an agent whose rows survive and whose memory does not, a media server that
 * holds the fence, a host that resets when it likes, and clocks that may or may not have passed launch_by.
 *
 * README.md maps every part to the code. A mutant (-DMUT_...) plants one bug; each must give a counterexample. */

#ifndef CRASHES
#define CRASHES 2 /* of the agent */
#endif
#ifndef REPEATS
#define REPEATS 1 /* commands that come again outside of the stream: a new command journal after a restore */
#endif
#ifndef MEDIA_CRASHES
#define MEDIA_CRASHES 1
#endif
#ifndef HOST_RESETS
#define HOST_RESETS 2 /* of the host by itself */
#endif
#ifndef LOSSES
#define LOSSES 1 /* BMC requests without effect */
#endif
#ifndef RETRIES
#define RETRIES 1
#endif

#ifndef RESOLVES
#define RESOLVES 0 /* a person calls a deployment cancelled that the site may still launch */
#endif
#ifndef TALK_LOSSES
#define TALK_LOSSES 0 /* the BMC refuses, is silent or cannot be believed while an installer runs */
#endif

#ifndef ORDERS
#define ORDERS 2 /* the second one comes when the first has ended */
#endif
#ifndef MEANWHILE
#define MEANWHILE 0 /* 1: the second one comes when it likes */
#endif
#ifndef WORKS
#define WORKS 0 /* 0: all are installs; 1: kinds are drawn, and not all are installs */
#endif
#ifndef LATE_INSERTS
#define LATE_INSERTS 0 /* 1: it is drawn whether the machine's row wants its medium inserted only after ARM */
#endif
#define GENS 2

mtype:command = { start_order, cancel_order };
mtype:work = { install, turn_off, cycle, inspect };
mtype:event = { refused, was_launched, answer_cancelled, answer_too_late, answer_not_running, ended_ok, ended_failed,
                ended_cancelled };
mtype:deployment = { unknown, issued, cancelling, succeeded, failed, cancelled };
mtype:mount = { absent, closed, open, let_in, dead };
mtype:host = { off, booting, installing, up };
mtype:stage = { queued, media_stage, confirm_stage, arm_stage, power_stage, watch_stage, finalise_stage, verify_stage, cleanup_stage,
                conclude_stage, done_stage };
mtype:clock = { surely_before, maybe_past, surely_past };
mtype:power = { not_looked, seen_off, seen_on };
mtype:answer = { silent, done_so, not_done };

/* ---- what the agent writes in one commit (record::Fence, record::Job, the cursor) */
typedef Rows {
  byte cursor;
  byte seen, tomb, launched_to;          /* the machine's fence */
  byte gen;                              /* the machine's job; 0: none */
  mtype:stage stage;
  mtype:mount mount;
  bool armed, launched, cancel_asked, told_on, on_by_us;
  byte tries;
  mtype:event ending;
  bool reading[GENS + 1], recalled[GENS + 1]   /* works that only read, beside it */
};
Rows memory, disk;
bool dirty;                              /* memory is ahead of the disk */
mtype:event told; byte told_gen;         /* the event of this turn, not yet committed; told_gen 0: none */
bool fx_mount, fx_grant, fx_insert, fx_off, fx_on, fx_eject, fx_ack, fx_call;   /* effects not yet released */
byte granted;                            /* the mount a verdict is about */
mtype:power look = not_looked;           /* the BMC's last answer; dies with the process */
mtype:answer answer = silent;            /* to the call of a power work; likewise */

chan journal = [7] of { mtype:event, byte };   /* committed events, until the controller took them */

/* ---- the controller's rows. An order's number is its generation; of a work that only reads, its name alone. */
mtype:work kind[GENS + 1];
mtype:command commands[2 * GENS]; byte commands_gen[2 * GENS];
byte issued_commands, trimmed;
mtype:deployment deployment[GENS + 1];
bool known_launched[GENS + 1], asked_cancel[GENS + 1], by_person[GENS + 1];

/* ---- the site */
mtype:mount mounts[GENS + 1];            /* what the media server believes */
byte asked;                              /* LaunchAsked under way for this mount */
bool parked;                             /* this boot of the host has asked: it waits, or was refused */
bool media_up;                           /* the media server is new and knows no mount */
mtype:host host = off;
byte cd;                                 /* the mount that is inserted */
mtype:clock launch_by;                   /* of both orders */
bool refuse_if_on;                       /* the orders' power policy; otherwise force */
bool late_insert;                        /* the quirk row of its BMC: insert only after ARM */

/* ---- what really happened, for the properties alone */
bool refused_at_site[GENS + 1], wiped[GENS + 1], finished[GENS + 1], confirmed[GENS + 1];
bool booted_again[GENS + 1];             /* the host began the same installer once more */
bool over[GENS + 1];                     /* it hangs, and its longest run has passed */
byte installing_gen;
bool taken_in[GENS + 1];                 /* a changing work whose row says that it is open */
/* of a power work: ARM is durable; its call took effect; what was ordered is so */
bool intended[GENS + 1], called[GENS + 1], achieved[GENS + 1];

byte crashes = CRASHES, repeats = REPEATS, media_crashes = MEDIA_CRASHES, host_resets = HOST_RESETS, losses = LOSSES;
byte resolves = RESOLVES, talk_losses = TALK_LOSSES;

#define is_open (memory.gen != 0 && memory.stage != done_stage)
#define changes(g) (kind[g] != inspect)
#define installs (kind[memory.gen] == install)
#define installing_now (is_open && installs)
#define switching_now (is_open && !installs)
#define past_return (installs -> memory.launched : memory.armed)
#define touched(g) (wiped[g] || called[g])
#define runs_untouched(g) (host == installing && installing_gen == g && !booted_again[g] && !over[g])
#ifdef MUT_POWER_WHILE_BUSY
#define busy_for(g) (is_open && kind[g] == install)
#else
#define busy_for(g) is_open
#endif
#ifdef MUT_NO_GENERATION_FENCE
#define fence_holds true
#else
#define fence_holds (memory.seen == memory.gen && memory.tomb < memory.gen && memory.launched_to < memory.gen)
#endif
#define idle (!dirty && !fx_mount && !fx_grant && !fx_insert && !fx_off && !fx_on && !fx_eject && !fx_ack && !fx_call)
/* A restored controller says an order again only if the site holds it; otherwise it gets a new generation. */
#define may_repeat(n) (commands[n] == cancel_order || (n < memory.cursor && !refused_at_site[commands_gen[n]]))
#define looks (memory.stage == arm_stage || memory.stage == power_stage || memory.stage == watch_stage || \
               memory.stage == verify_stage)
#define host_power (host == off -> seen_off : seen_on)
#ifdef MUT_EXPIRY_IGNORED
#define may_launch true
#else
#define may_launch in_time
#endif
#ifdef MUT_OPTIMISTIC_CLOCK
#define in_time (launch_by != surely_past)
#else
#define in_time (launch_by == surely_before)
#endif

#ifdef MUT_ANSWER_BEFORE_COMMIT
#define tell(what, of) told = what; journal!told(of)
#else
#define tell(what, of) told = what; told_gen = of
#endif

/* Facts that nobody asks for once a job has ended. */
inline forget_attempt() {
  memory.armed = false; memory.launched = false; memory.cancel_asked = false; memory.told_on = false;
  memory.on_by_us = false; memory.tries = 0; look = not_looked; answer = silent
}

inline set_mount(state) {
  if
  :: installs && memory.mount != state -> memory.mount = state; fx_mount = true
  :: else
  fi
}

/* Context::fail: no more of this attempt; a retry keeps its medium, shut. */
inline fail_job() {
  if
  :: memory.launched || memory.cancel_asked || memory.tries == 0 || launch_by == surely_past ->
     set_mount(dead)
  :: else -> set_mount(closed)
  fi;
  memory.stage = (installs -> cleanup_stage : conclude_stage); look = not_looked
}

#define has_succeeded() memory.stage = done_stage; memory.ending = ended_ok; tell(ended_ok, memory.gen); \
                        forget_attempt()

#define refuse(g) tell(refused, g); refused_at_site[g] = true

/* ---- commands: command_desk.cc, command_intake.cc, fence_table.cc */
inline on_start(g) {
  if
  :: !changes(g) ->                                           /* taken, whatever else is open */
     if
     :: launch_by == surely_past && !memory.reading[g] -> refuse(g)
     :: else ->
#ifdef MUT_READING_RAISES_GENERATION
        memory.seen = (g > memory.seen -> g : memory.seen);
#endif
        memory.reading[g] = true
     fi
  :: changes(g) && memory.gen == g -> skip                    /* said again: known */
  :: changes(g) && memory.gen != g && busy_for(g) ->          /* MACHINE_BUSY */
     assert(taken_in[GENS + 1 - g]);                          /* P10: no work that reads makes it so */
     refuse(g)
#ifndef MUT_NO_GENERATION_FENCE
  :: changes(g) && memory.gen != g && !busy_for(g) && (g <= memory.seen || g <= memory.tomb || g <= memory.launched_to) ->
     refuse(g)
#endif
  :: else ->
     if
     :: launch_by == surely_past -> refuse(g)
     :: else ->
        memory.seen = (g > memory.seen -> g : memory.seen);
        memory.gen = g; memory.stage = queued; memory.mount = absent; memory.armed = false; memory.launched = false;
        memory.cancel_asked = false; memory.told_on = false; memory.on_by_us = false;
        memory.tries = (kind[g] == install -> RETRIES : 0); look = not_looked
     fi
  fi
}

#ifdef MUT_CANCEL_ALWAYS_GRANTED
#define too_late false
#else
#ifdef MUT_POWER_CANCELLED_AFTER_ARM
#define too_late memory.launched
#else
#define too_late past_return
#endif
#endif

/* No generation, no tombstone: only the very work that is named ends. */
inline on_recall(g) {
  if
  :: memory.reading[g] -> memory.recalled[g] = true; tell(answer_cancelled, g)
  :: else -> tell(answer_not_running, g)
  fi
}

inline on_cancel(g) {
#ifdef MUT_TOMBSTONE_NOT_MAX
  memory.tomb = g;
#else
  memory.tomb = (g > memory.tomb -> g : memory.tomb);
#endif
  if
  :: memory.gen == g && is_open ->
     if
     :: too_late -> tell(answer_too_late, g)
     :: else -> tell(answer_cancelled, g)
     fi
  :: memory.gen == g && memory.stage == done_stage && memory.ending == ended_cancelled -> tell(answer_cancelled, g)
  :: else -> tell(answer_not_running, g)
  fi;
  if
  :: is_open && memory.gen <= g && !past_return && !memory.cancel_asked ->
     memory.cancel_asked = true;
     if
     :: memory.stage != cleanup_stage && memory.stage != conclude_stage -> fail_job()
     :: else -> set_mount(dead)
     fi
  :: else
  fi
}

/* command number `which` of the stream */
inline obey(which) {
  ordered = commands_gen[which];
  if
  :: commands[which] == start_order -> on_start(ordered)
  :: commands[which] == cancel_order && changes(ordered) -> on_cancel(ordered)
  :: commands[which] == cancel_order && !changes(ordered) -> on_recall(ordered)
  fi;
  ordered = 0; dirty = true
}

/* ---- the job: the stages of agents/install that touch the fence, the medium or the power */
inline on_launch_asked() {
  if
  :: asked != memory.gen || memory.stage == done_stage -> skip
  :: asked == memory.gen && memory.stage != done_stage && memory.launched ->
     if
     :: memory.mount != dead -> granted = asked; fx_grant = true
     :: else
     fi
  :: asked == memory.gen && memory.stage != done_stage && !memory.launched ->
     if
     :: !memory.cancel_asked && memory.armed && memory.mount == open && fence_holds && may_launch ->
        assert(launch_by == surely_before);       /* P3: never after launch_by */
        assert(!confirmed[memory.gen]);                       /* P2: never after a confirmed cancel */
        memory.launched = true; memory.mount = let_in;
        memory.launched_to = (memory.gen > memory.launched_to -> memory.gen : memory.launched_to);
        tell(was_launched, memory.gen);
        granted = asked; fx_grant = true; look = not_looked; dirty = true
     :: else
     fi
  fi;
  asked = 0
}

inline arm() {
  if
  :: look == seen_on && refuse_if_on && !memory.on_by_us -> fail_job()
  :: else ->
     memory.armed = true; memory.stage = (late_insert -> media_stage : power_stage);
     if
#ifdef MUT_INSERT_WITH_FENCE_OPEN
     :: look == seen_off -> set_mount(open)
#else
     :: look == seen_off && !late_insert -> set_mount(open)
#endif
     :: else
     fi;
     look = not_looked
  fi
}

inline power() {
  if
  :: memory.told_on && look == seen_on -> memory.on_by_us = true; memory.stage = watch_stage
  :: memory.told_on && look == seen_off -> fx_on = true
  :: !memory.told_on && look == seen_on ->
     if
     :: refuse_if_on && !memory.on_by_us -> fail_job()
     :: else ->
#ifndef MUT_POWER_OFF_WITH_FENCE_OPEN
        set_mount(closed);
#endif
        fx_off = true
     fi
  :: !memory.told_on && look == seen_off -> set_mount(open); memory.told_on = true; fx_on = true
  fi;
  look = not_looked
}

inline installer_ended() {
#ifdef MUT_POWER_ON_BEFORE_DEAD
  fx_on = true;
#endif
#ifndef MUT_MOUNT_OUTLIVES_INSTALLER
  set_mount(dead);
#endif
  memory.stage = finalise_stage; look = not_looked
}

/* ---- a power work: identity and state are read, ARM is durable, one call, what came of it is read back */
inline arm_call() {
  if
  :: kind[memory.gen] == turn_off && look == seen_off -> has_succeeded()   /* it is so already */
  :: else -> memory.armed = true; memory.stage = power_stage; fx_call = true
  fi;
  look = not_looked
}

inline read_back() {
  if
  :: kind[memory.gen] == turn_off && look == seen_off -> has_succeeded()
#ifdef MUT_CYCLE_BELIEVED
  :: kind[memory.gen] == cycle && answer != not_done && look == seen_on -> has_succeeded()
#else
  :: kind[memory.gen] == cycle && answer == done_so && look == seen_on -> has_succeeded()
#endif
  /* it was a life of the agent ago, and nobody heard what came of it. Off is off, also when it is said twice. */
  :: kind[memory.gen] == turn_off && answer == silent && look == seen_on -> fx_call = true
#ifdef MUT_CYCLE_REPEATED
  :: kind[memory.gen] == cycle && answer == silent -> fx_call = true
#endif
  :: else -> fail_job()                                       /* refused, or nobody can tell */
  fi;
  look = not_looked
}

inline end_reading(g) {
  if
  :: memory.recalled[g] -> tell(ended_cancelled, g)
  :: else -> tell(ended_ok, g)
  fi;
  memory.reading[g] = false; memory.recalled[g] = false; dirty = true
}

inline conclude() {
  if
  :: !memory.launched && !memory.cancel_asked && memory.tries > 0 && launch_by != surely_past ->
     if
     :: memory.told_on -> memory.on_by_us = true
     :: else
     fi;
     memory.tries--; memory.stage = queued; memory.armed = false; memory.told_on = false
  :: else ->
     set_mount(dead);
     memory.stage = done_stage;
     memory.ending = (memory.cancel_asked && !past_return -> ended_cancelled : ended_failed);
     tell(memory.ending, memory.gen);
     forget_attempt()
  fi;
  look = not_looked
}

/* ---- agents/media: never backwards, and only OPEN lets in */
inline publish_mount() {
  if
  :: memory.gen == 0 || !installs -> skip
  :: memory.gen != 0 && installs && (mounts[memory.gen] == dead || (mounts[memory.gen] == let_in && memory.mount != dead)) -> skip
  :: else -> mounts[memory.gen] = memory.mount; parked = false   /* sent again: who waits is asked about again */
  fi
}

#define nothing 9

proctype Agent() {
  byte taken, ordered;
end:
  do
  /* one input is handled; nothing of it is visible outside before the commit */
  :: atomic { idle && memory.cursor < issued_commands && memory.cursor >= trimmed && nfull(journal) ->
       memory.cursor++;
#ifdef MUT_ACK_BEFORE_COMMIT
       trimmed = memory.cursor;
#else
       fx_ack = true;
#endif
       taken = memory.cursor - 1; obey(taken); taken = 0 }
  :: atomic { idle && repeats > 0 && issued_commands > 0 && nfull(journal) ->
       repeats--;
       if
       :: issued_commands > 0 && may_repeat(0) -> taken = 0
       :: issued_commands > 1 && may_repeat(1) -> taken = 1
       :: issued_commands > 2 && may_repeat(2) -> taken = 2
       :: issued_commands > 3 && may_repeat(3) -> taken = 3
       :: else -> taken = nothing
       fi;
       if
       :: taken != nothing -> obey(taken)
       :: else
       fi; taken = 0 }
  :: atomic { idle && asked != 0 && nfull(journal) -> on_launch_asked() }
  :: atomic { idle && media_up -> media_up = false; fx_mount = (memory.gen != 0 && installs) }
  :: atomic { idle && memory.stage != done_stage && memory.mount == open && !in_time ->
       set_mount(dead); dirty = true }                        /* timer of the mount */

  :: atomic { idle && is_open && memory.stage == queued ->
       if
       :: launch_by == surely_past -> fail_job()
       :: else -> set_mount(closed); memory.stage = (installs && !late_insert -> media_stage : arm_stage)
       fi; dirty = true }
  :: atomic { idle && is_open && memory.stage == media_stage ->
       fx_insert = true; memory.stage = (late_insert -> confirm_stage : arm_stage); dirty = true }
  :: atomic { idle && is_open && memory.stage == confirm_stage ->
       if
       :: cd == memory.gen -> memory.stage = power_stage
       :: cd != memory.gen -> memory.stage = media_stage
       :: cd == memory.gen && losses > 0 -> losses--; memory.stage = media_stage   /* its slot still says empty */
       fi; dirty = true }
  :: atomic { installing_now && idle && !late_insert && memory.stage == arm_stage && cd != memory.gen ->
       memory.stage = media_stage; dirty = true }             /* CONFIRM: the insert had no effect */
  :: atomic { idle && is_open && memory.stage == arm_stage && !in_time -> fail_job(); dirty = true }
  :: atomic { idle && is_open && memory.stage == arm_stage && installs && (late_insert || cd == memory.gen) &&
              look != not_looked && in_time && fence_holds -> arm(); dirty = true }
  :: atomic { idle && switching_now && memory.stage == arm_stage && look != not_looked && in_time && fence_holds &&
              nfull(journal) -> arm_call(); dirty = true }
  :: atomic { idle && switching_now && memory.stage == power_stage && look != not_looked && nfull(journal) ->
       read_back(); dirty = true }
  :: atomic { idle && memory.reading[1] && nfull(journal) -> end_reading(1) }
  :: atomic { idle && memory.reading[2] && nfull(journal) -> end_reading(2) }
#ifdef MUT_RESUME_BLINDLY
  :: atomic { idle && installing_now && memory.stage == power_stage && look != not_looked && in_time ->
#else
  :: atomic { idle && is_open && memory.stage == power_stage && memory.launched ->
       memory.stage = watch_stage; look = not_looked; dirty = true }
  :: atomic { idle && installing_now && memory.stage == power_stage && !memory.launched && look != not_looked &&
              in_time ->
#endif
       power(); dirty = true }
  :: atomic { idle && installing_now && !memory.launched && !in_time &&
              (memory.stage == confirm_stage || memory.stage == power_stage || memory.stage == watch_stage) -> fail_job(); dirty = true }
  :: atomic { idle && is_open && memory.stage == watch_stage && !memory.launched -> fail_job(); dirty = true }
  :: atomic { idle && is_open && memory.stage == watch_stage && memory.launched && look == seen_off ->
       installer_ended(); dirty = true }
  :: atomic { idle && is_open && memory.stage == watch_stage && memory.launched && host == up ->
       over[memory.gen] = true; fail_job(); dirty = true }
  /* the talk is over, and the medium lives on */
  :: atomic { talk_losses > 0 && idle && is_open && memory.stage == watch_stage && memory.launched -> talk_losses--;
#ifdef MUT_TALK_ENDS_MEDIUM
       fail_job();
#endif
       look = not_looked; dirty = true }
  :: atomic { idle && is_open && memory.stage == finalise_stage -> fx_eject = true; memory.stage = verify_stage; dirty = true }
  :: atomic { idle && is_open && memory.stage == verify_stage && look == seen_off ->
       fx_on = true; look = not_looked; dirty = true }
  :: atomic { idle && is_open && memory.stage == verify_stage && look == seen_on && nfull(journal) ->
       has_succeeded(); dirty = true }
  :: atomic { idle && is_open && memory.stage == cleanup_stage -> fx_eject = true; memory.stage = conclude_stage; dirty = true }
  :: atomic { idle && is_open && memory.stage == conclude_stage && nfull(journal) -> conclude(); dirty = true }
  :: atomic { idle && memory.gen != 0 && memory.stage == done_stage && empty(journal) &&
              (memory.mount == dead || !installs) ->
       mounts[memory.gen] = absent; memory.gen = 0; memory.mount = absent; memory.ending = refused; dirty = true }   /* Ended is acknowledged */

  /* a look at the BMC: what it answers may be old by the time it is acted on; but what the media server says over its
   * socket is not slower than a whole round trip to the BMC */
  :: atomic { idle && is_open && looks && asked == 0 && look != host_power -> look = host_power;
       if
       :: kind[memory.gen] == turn_off && look == seen_off -> achieved[memory.gen] = true
       :: else
       fi }

  /* the commit, and after it the effects, one by one */
  :: atomic { dirty ->
#ifdef MUT_VOLATILE_TOMBSTONE
       disk.launched_to = memory.launched_to;
#else
       disk.tomb = memory.tomb; disk.launched_to = memory.launched_to;
#endif
       disk.cursor = memory.cursor; disk.seen = memory.seen; disk.gen = memory.gen; disk.stage = memory.stage;
       disk.mount = memory.mount; disk.armed = memory.armed; disk.launched = memory.launched;
       disk.cancel_asked = memory.cancel_asked; disk.told_on = memory.told_on;
       disk.on_by_us = memory.on_by_us; disk.tries = memory.tries; disk.ending = memory.ending;
       disk.reading[1] = memory.reading[1]; disk.recalled[1] = memory.recalled[1];
       disk.reading[2] = memory.reading[2]; disk.recalled[2] = memory.recalled[2];
       assert(changes(disk.seen) && changes(disk.tomb) && changes(disk.launched_to));   /* P10 */
       if
       :: memory.gen != 0 ->
          taken_in[memory.gen] = is_open;
          intended[memory.gen] = intended[memory.gen] || (switching_now && memory.armed)
       :: else
       fi;
       if
       :: told_gen != 0 -> journal!told(told_gen); told_gen = 0; told = refused
       :: else
       fi;
       dirty = false }
#ifdef MUT_EFFECT_BEFORE_COMMIT
#define may_release true
#else
#define may_release !dirty
#endif
  :: atomic { may_release && (fx_mount || fx_grant || (fx_ack && !dirty)) ->   /* one socket each: the order is kept */
       if
       :: fx_mount -> publish_mount()
       :: else
       fi;
       if
       :: fx_grant && mounts[granted] == open -> mounts[granted] = let_in
       :: else
       fi;
       if
       :: fx_ack && !dirty -> trimmed = memory.cursor; fx_ack = false
       :: else
       fi;
       fx_mount = false; fx_grant = false; granted = 0 }
  :: atomic { may_release && !fx_mount && fx_insert -> fx_insert = false;
       if
       :: assert(!runs_untouched(memory.gen));                /* P7: no insert hits our installer */
          cd = memory.gen
       :: losses > 0 -> losses--
       fi }
  :: atomic { may_release && !fx_mount && fx_off -> fx_off = false;
       if
       :: assert(host != installing || installing_gen != memory.gen);   /* P5: no power-off hits our installer */
          host = off
       :: losses > 0 -> losses--
       fi }
#ifdef MUT_POWER_ON_BEFORE_DEAD
  :: atomic { fx_on ->
#else
  :: atomic { may_release && !fx_mount && fx_on ->
#endif
       fx_on = false;
       if
       :: host == off -> host = booting; parked = false
       :: host != off                                         /* it is on already: no effect */
       :: losses > 0 && host == off -> losses--
       fi }
  :: atomic { may_release && !fx_mount && fx_eject -> fx_eject = false;
       if
       :: assert(!runs_untouched(cd));                        /* P7 */
          cd = 0
       :: losses > 0 -> losses--
       fi }
  :: atomic { may_release && fx_call -> fx_call = false;
       assert(!confirmed[memory.gen]);                        /* P2 */
       assert(!taken_in[GENS + 1 - memory.gen] && !runs_untouched(installing_gen));   /* P8 */
       if
       :: assert(kind[memory.gen] != cycle || !called[memory.gen]);   /* P9 */
          called[memory.gen] = true; achieved[memory.gen] = true; answer = done_so; parked = false;
          host = (kind[memory.gen] == cycle -> booting : off)
       :: losses > 0 -> losses--; answer = not_done
       fi }

  /* kill -9 at any of these points: the disk is what is left */
  :: atomic { crashes > 0 -> crashes--;
       memory.cursor = disk.cursor; memory.seen = disk.seen; memory.tomb = disk.tomb; memory.launched_to = disk.launched_to;
       memory.gen = disk.gen; memory.stage = disk.stage; memory.mount = disk.mount; memory.armed = disk.armed;
       memory.launched = disk.launched; memory.cancel_asked = disk.cancel_asked;
       memory.told_on = disk.told_on; memory.on_by_us = disk.on_by_us; memory.tries = disk.tries;
       memory.ending = disk.ending;
       memory.reading[1] = disk.reading[1]; memory.recalled[1] = disk.recalled[1];
       memory.reading[2] = disk.reading[2]; memory.recalled[2] = disk.recalled[2];
       dirty = false; told_gen = 0; told = refused; asked = 0; granted = 0; look = not_looked;
       fx_grant = false; fx_insert = false; fx_off = false; fx_on = false; fx_eject = false; fx_ack = false;
       fx_call = false; answer = silent; media_up = false;
       fx_mount = (memory.gen != 0 && installs);              /* Started: open mounts first */
       /* stage_by_facts */
       if
       :: memory.stage == confirm_stage || (memory.stage == arm_stage && installs && !late_insert) ->
          memory.stage = media_stage
       :: memory.stage == verify_stage -> memory.stage = finalise_stage
#ifdef MUT_RESUME_BLINDLY
       :: memory.stage == watch_stage || memory.stage == power_stage -> memory.stage = power_stage; memory.told_on = false
#endif
       :: else
       fi }
  od
}

proctype Host() {
end:
  do
  :: atomic { host == booting && cd != 0 && mounts[cd] == open && !parked && !media_up -> asked = cd; parked = true }
  :: atomic { host == booting && cd != 0 &&
#ifdef MUT_FENCE_ALWAYS_OPEN
              (mounts[cd] == let_in || mounts[cd] == closed || mounts[cd] == open) ->
#else
              mounts[cd] == let_in ->
#endif
       assert(disk.launched_to >= cd);                        /* P1: never unless LAUNCHED is journalled */
       assert(!finished[cd]);                                 /* P1: at most once */
       assert(!confirmed[cd]);                                /* P2 */
       booted_again[cd] = wiped[cd]; wiped[cd] = true; installing_gen = cd; host = installing }
  :: atomic { host == booting -> host = up }                  /* the medium was refused, or it booted its disk */
  :: atomic { host == installing -> finished[installing_gen] = true; host = off }
  :: atomic { host == installing -> host = up }               /* the installer hangs */
  /* by itself, from any state; README.md says why not between the installer's end and the next look */
  :: atomic { host_resets > 0 && !(host == off && installing_gen != 0 && finished[installing_gen] &&
               (disk.mount == let_in || mounts[installing_gen] == let_in)) ->
       host_resets--; host = booting; parked = false }
  :: atomic { media_crashes > 0 -> media_crashes--;
       mounts[1] = absent; mounts[2] = absent; asked = 0; media_up = true }
  od
}

/* ---- the controller: deployment_machine.cc, event_fold.cc, rollout_runner.cc */
#define has_ended(g) (deployment[g] == succeeded || deployment[g] == failed || deployment[g] == cancelled)
#define in_flight(g) (deployment[g] == issued || deployment[g] == cancelling)

inline append(c, g) {
  commands[issued_commands] = c; commands_gen[issued_commands] = g; issued_commands++
}

/* P4, P11: SUCCEEDED is the truth */
#define truly_done(g) (kind[g] == install -> finished[g] : (kind[g] == inspect || achieved[g]))

inline confirm_cancel(g) {
  assert(!touched(g));                                        /* P4: CANCELLED is the truth */
  deployment[g] = cancelled; confirmed[g] = true
}

/* A fact about the disk after an end. It outranks whoever said before that nothing was written. */
inline correct(what, g) {
#ifndef MUT_ENDS_ARE_FINAL
  if
  :: what == was_launched || what == answer_too_late ->
     known_launched[g] = true;
     if
     :: deployment[g] == cancelled -> deployment[g] = issued  /* open again: it runs */
     :: else
     fi
  :: what == ended_ok -> assert(truly_done(g)); deployment[g] = succeeded
  :: what == ended_failed -> deployment[g] = failed
  :: what == answer_cancelled || what == ended_cancelled -> confirm_cancel(g)
  :: else
  fi
#else
  skip
#endif
}

inline fold(what, g) {
  if
  :: !in_flight(g) -> correct(what, g)
  :: in_flight(g) && what == refused -> assert(!touched(g)); deployment[g] = failed
  :: in_flight(g) && what == was_launched -> known_launched[g] = true
  :: in_flight(g) && what == answer_cancelled -> confirm_cancel(g)
  :: in_flight(g) && what == answer_too_late ->
     assert(kind[g] == install -> disk.launched_to >= g : intended[g]);   /* P4: TOO_LATE is the truth */
     deployment[g] = issued
  :: in_flight(g) && what == answer_not_running && known_launched[g] -> deployment[g] = failed   /* INDETERMINATE */
  :: in_flight(g) && what == answer_not_running && !known_launched[g] -> confirm_cancel(g)
  :: in_flight(g) && what == ended_ok -> assert(truly_done(g)); deployment[g] = succeeded
  :: in_flight(g) && what == ended_failed -> deployment[g] = failed
  :: in_flight(g) && what == ended_cancelled -> confirm_cancel(g)
  fi
}

proctype Controller() {
  mtype:event what; byte g;
end:
  do
  :: atomic { journal?what(g) -> fold(what, g); what = refused; g = 0 }
  :: atomic { deployment[1] == issued && !asked_cancel[1] && !known_launched[1] ->
       asked_cancel[1] = true; append(cancel_order, 1); deployment[1] = cancelling }
  :: atomic { deployment[2] == issued && !asked_cancel[2] && !known_launched[2] ->
       asked_cancel[2] = true; append(cancel_order, 2); deployment[2] = cancelling }
  /* her word ends it here; the fence that the site owes an answer to goes out with it */
  :: atomic { resolves > 0 && in_flight(1) && !known_launched[1] -> resolves--;
       by_person[1] = true; deployment[1] = cancelled;
       if
       :: !asked_cancel[1] -> asked_cancel[1] = true; append(cancel_order, 1)
       :: else
       fi }
  :: atomic { ORDERS == 2 && (MEANWHILE || has_ended(1)) && deployment[2] == unknown -> append(start_order, 2); deployment[2] = issued }
#ifdef MUT_CONTROLLER_ASSUMES
  :: atomic { deployment[1] == cancelling -> deployment[1] = cancelled; confirmed[1] = true }
#endif
  od
}

/* Time passes, and no clock knows the very moment. */
proctype Clock() {
end:
  do
  :: atomic { launch_by == surely_before -> launch_by = maybe_past }
  :: atomic { launch_by == maybe_past -> launch_by = surely_past }
  od
}

/* P6: when nothing more can happen, every deployment has ended. All budgets are finite and no cycle exists (checked with
 * -DNP), so this is "eventually an end" without any fairness but that what can happen for ever does happen. */
proctype Rest() {
end:
#ifdef MUT_POWER_WHILE_BUSY
  true -> skip                                                /* its row is the other's: P8 must see it sooner */
#else
  timeout -> assert(has_ended(1) && (ORDERS == 1 || has_ended(2)));
             assert(deployment[1] != cancelled || !touched(1))  /* P4, whoever said it */
#endif
}

init {
  atomic {
    deployment[1] = unknown; deployment[2] = unknown;
    mounts[1] = absent; mounts[2] = absent;
    launch_by = surely_before;
    memory.stage = done_stage; disk.stage = done_stage; memory.mount = absent; disk.mount = absent;
    memory.ending = refused; disk.ending = refused; told = refused;
    if
    :: refuse_if_on = false
    :: !(WORKS && MEANWHILE) -> refuse_if_on = true           /* one thing less to draw where there is much */
    fi;
    if
    :: late_insert = false
    :: LATE_INSERTS -> late_insert = true
    fi;
    kind[0] = install;
    if
    :: !WORKS -> kind[1] = install; kind[2] = install
    :: WORKS ->
       if
       :: ORDERS == 2 -> kind[1] = install
       :: kind[1] = turn_off
       :: kind[1] = cycle
       :: kind[1] = inspect
       fi;
       if
       :: ORDERS == 1 || kind[1] != install -> kind[2] = install
       :: ORDERS == 2 -> kind[2] = turn_off
       :: ORDERS == 2 -> kind[2] = cycle
       :: ORDERS == 2 -> kind[2] = inspect
       fi
    fi;
    append(start_order, 1); deployment[1] = issued;
    run Controller(); run Agent(); run Host(); run Clock(); run Rest()
  }
}
