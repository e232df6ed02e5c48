/** Whether a header can carry the text: a line break in a secret would else end in an error that repeats it. */
export const fitsHeader = (text: string): boolean => /^[\t\x20-\x7e\x80-\xff]*$/.test(text);
