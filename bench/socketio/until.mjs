// Ends the loops of Artillery's virtual users when the time is up.
const end = Date.now() + Number(process.env.BENCH_SECONDS) * 1000;

export function hasTime(_context, next) {
  next(Date.now() < end);
}
