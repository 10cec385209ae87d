/** Id of the panel of saved filters, apart, so that commands need not load it. */
export const SAVED_MENU = 'saved-filters';
