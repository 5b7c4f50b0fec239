import { page } from '../lib/shell.js';

page({ load: async () => null, show: () => [] });
