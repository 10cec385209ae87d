/**
 * What a peer may do but has little reason to: each costs a token of `oddityBurst` (RFC 9113 10.5). By stable id, for logs
 * and the tap, with the text for people.
 */
export const ODDITIES = {
  'odd.frame-type': 'a frame of a type this core does not know, or ALTSVC, ORIGIN',
  'odd.flags': 'a flag that is not defined for its frame',
  'odd.setting': 'a setting this core does not know, after the first SETTINGS',
  'odd.priority': 'PRIORITY or PRIORITY_UPDATE',
  'odd.grant': 'WINDOW_UPDATE that answers no DATA of ours',
  'odd.reset': 'RST_STREAM for a stream that has ended',
  'odd.late': 'more frames for streams we reset than can have been on their way',
  'odd.refused': 'a request above the limit on streams it has acknowledged, or for which there is no header memory',
  'odd.push': 'a promise on a stream we reset',
  'odd.goaway': 'GOAWAY again',
} as const;

/** Id of an oddity. */
export type OddityId = keyof typeof ODDITIES;
