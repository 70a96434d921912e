/** Event times lie in the range of ClickHouse's DateTime, 1970 to 2106; epoch ms. */
export const FIRST_TIME = 0;
export const END_OF_TIME = Date.UTC(2106, 1, 1);
