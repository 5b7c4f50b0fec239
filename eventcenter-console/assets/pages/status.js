import { clusterManagement } from '../lib/clusters.js';
import { page } from '../lib/shell.js';

page({ load: async () => null, show: () => [clusterManagement()] });
