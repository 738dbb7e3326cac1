// Run by itself: uploads FILE to SERVICE and prints the most memory that this process had, in bytes.
//     node upload.js SERVICE FILE
import { EmbeddingHttpClient } from "../../src/index.js";

const [serviceUrl, path] = process.argv.slice(2) as [string, string];
await new EmbeddingHttpClient({ serviceUrl }).getEmbedding(path);
console.log(process.resourceUsage().maxRSS * 1024);
