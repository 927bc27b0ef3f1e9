using CoScientist.Training.Tensors;

namespace CoScientist.Training.Kernels;

/// <summary>
/// Causal grouped-query attention over trees of segments (see <see cref="TokenBatch"/>): out = softmax(q·kᵀ/√D)·v, where a
/// token sees its ancestors' segments in full and its own up to itself, or the last of these keys that fit the window. One
/// task per tree and key-value head packs keys and values once for all segments and query heads that use them; scores exist
/// for 64 queries at a time.
/// </summary>
public static unsafe class Attention
{
    [ThreadStatic]
    private static AttentionWork? workOfThread;

    /// <summary>out [N, H·D] from q [N, H·D], k and v [N, G·D].</summary>
    public static void Forward(WorkerPool pool, TokenBatch batch, AttentionShape shape, float* q, float* k, float* v, float* output)
    {
        var parts = Parts(pool, batch, shape);
        pool.For(WorkKind.Attention, batch.Trees.Count * shape.KeyValueHeads * parts, new ForwardLoop(batch, shape, parts, q, k, v, output), 4.0 * VisiblePairs(batch, shape) * shape.QueryWidth);
    }

    /// <summary>
    /// dq [N, H·D], dk and dv [N, G·D] from dout [N, H·D]. Probabilities P are recomputed; with dP = dout·vᵀ and
    /// dS = P ⊙ (dP − Σ P ⊙ dP)/√D: dq = dS·k, dk = dSᵀ·q, dv = Pᵀ·dout.
    /// </summary>
    public static void Backward(WorkerPool pool, TokenBatch batch, AttentionShape shape, float* q, float* k, float* v, float* dout, float* dq, float* dk, float* dv) =>
        pool.For(WorkKind.Attention, batch.Trees.Count * shape.KeyValueHeads, new BackwardLoop(batch, shape, q, k, v, dout, dq, dk, dv), 10.0 * VisiblePairs(batch, shape) * shape.QueryWidth);

    /// <summary>Tasks that share the queries of a tree, each packing the keys for itself: several where there are few sequences on many threads.</summary>
    internal static int Parts(WorkerPool pool, TokenBatch batch, AttentionShape shape)
    {
        var tasks = batch.Trees.Count * shape.KeyValueHeads;
        return tasks >= 2 * pool.Threads ? 1 : 2 * pool.Threads / tasks;
    }

    /// <summary>Pairs of a token and a token that it sees.</summary>
    internal static double VisiblePairs(TokenBatch batch, AttentionShape shape)
    {
        var pairs = 0.0;
        for (var s = 0; s < batch.Segments.Count; s++)
        {
            var (before, all) = (batch.Segments[s].Position, batch.Segments[s].Position + batch.Segments[s].Length);
            pairs += Below(all) - Below(before);
        }

        return pairs;

        // Those of the first tokens of a sequence.
        double Below(double tokens)
        {
            var hidden = shape.Window > 0 ? Math.Max(0, tokens - shape.Window) : 0;
            return (tokens * (tokens + 1) / 2) - (hidden * (hidden + 1) / 2);
        }
    }

    private readonly struct ForwardLoop(TokenBatch batch, AttentionShape shape, int parts, float* q, float* k, float* v, float* output) : ILoopBody
    {
        public void Run(int index)
        {
            var (part, task) = (index % parts, index / parts);
            var work = workOfThread ??= new AttentionWork();
            var keyHead = task % shape.KeyValueHeads;
            var blocks = new QueryBlocks(batch, batch.Trees[task / shape.KeyValueHeads], shape, work.Ranges);
            work.Begin(batch.Trees[task / shape.KeyValueHeads], shape, backward: false);
            work.PackColumns(k, keyHead, work.KeyColumns);
            work.PackRows(v, keyHead, work.ValueRows);
            for (var number = 0; blocks.Next(out var block); number++)
            {
                if (number % parts != part)
                {
                    continue;
                }

                for (var head = keyHead * shape.Group; head < (keyHead + 1) * shape.Group; head++)
                {
                    work.Probabilities(block, q, head);
                    work.TimesRows(block, work.Scores, work.ValueRows, work.Rows);
                    work.CopyOut(block, work.Rows, output, head);
                }
            }
        }
    }

    private readonly struct BackwardLoop(TokenBatch batch, AttentionShape shape, float* q, float* k, float* v, float* dout, float* dq, float* dk, float* dv) : ILoopBody
    {
        public void Run(int index)
        {
            var work = workOfThread ??= new AttentionWork();
            var keyHead = index % shape.KeyValueHeads;
            var blocks = new QueryBlocks(batch, batch.Trees[index / shape.KeyValueHeads], shape, work.Ranges);
            work.Begin(batch.Trees[index / shape.KeyValueHeads], shape, backward: true);
            work.PackColumns(k, keyHead, work.KeyColumns);
            work.PackRows(k, keyHead, work.KeyRows);
            work.PackColumns(v, keyHead, work.ValueColumns);
            while (blocks.Next(out var block))
            {
                for (var head = keyHead * shape.Group; head < (keyHead + 1) * shape.Group; head++)
                {
                    work.Probabilities(block, q, head);
                    work.TimesColumns(block, dout, head, work.ValueColumns, work.ScoreGradients);
                    work.CopyIn(block, dout, head, work.Rows);
                    work.AddTransposed(block, work.Scores, work.Rows, work.ValueGradients);
                    work.SoftmaxBackward(block);
                    work.CopyIn(block, q, head, work.Rows);
                    work.AddTransposed(block, work.ScoreGradients, work.Rows, work.KeyGradients);
                    work.TimesRows(block, work.ScoreGradients, work.KeyRows, work.Rows);
                    work.CopyOut(block, work.Rows, dq, head);
                }
            }

            work.CopyTree(work.KeyGradients, dk, keyHead);
            work.CopyTree(work.ValueGradients, dv, keyHead);
        }
    }
}
