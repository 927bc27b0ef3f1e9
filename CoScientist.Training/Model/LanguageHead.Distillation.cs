using System.Runtime.Intrinsics;
using CoScientist.Training.Kernels;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Model;

/// <content>Learning from another distribution over the same tokens.</content>
internal sealed unsafe partial class LanguageHead
{
    private readonly ScratchBuffer teacher = new();
    private readonly ScratchBuffer divergences = new();
    private readonly ScratchBuffer reducedTeacher = new();

    /// <summary>Keeps the hidden states of a teacher's forward pass at its targets.</summary>
    public void Teach(float* hidden, Targets targets)
    {
        Gather(hidden, targets, teacher);
        Reduce(teacher.Get((long)targets.Count * Width), targets, reducedTeacher);
    }

    /// <summary>
    /// Adds the gradient of weight · Σ JSD between the teacher's distribution p and the student's q at each target:
    /// JSD = β·KL(p‖m) + (1 − β)·KL(q‖m) with m = β·p + (1 − β)·q, ∂JSD/∂logit_v = (1 − β)·q_v·(log(q_v/m_v) − KL(q‖m))/temperature
    /// (from ∂JSD/∂q_v = (1 − β)·log(q_v/m_v), through the softmax).
    /// </summary>
    /// <param name="targets">Targets of the last <see cref="LogProbabilities"/>; those of the teacher have the same order.</param>
    /// <param name="banned">Tokens without probability.</param>
    /// <param name="temperature">Temperature of both distributions.</param>
    /// <param name="mixture">β.</param>
    /// <param name="weight">Weight of each target.</param>
    /// <param name="dHidden">Gradient of the student's hidden states, [N, C]; added to.</param>
    /// <param name="gradients">Gradients of what is trained; those of the head and its adapter are added to.</param>
    /// <returns>Σ JSD, in nats.</returns>
    public double Distil(Targets targets, int[] banned, float temperature, float mixture, float weight, float* dHidden, Parameters gradients)
    {
        var h = gathered.Get((long)targets.Count * Width);
        var taught = teacher.Get((long)targets.Count * Width);
        var inner = Reduced(targets, reduced);
        var taughtInner = Reduced(targets, reducedTeacher);
        var normalisers = logNormalisers.Get(targets.Count);
        var divergence = divergences.Get(targets.Count);
        var room = Room(targets.Count);
        for (var from = 0; from < targets.Count; from += BackwardRows)
        {
            var rows = Math.Min(BackwardRows, targets.Count - from);
            var isKept = from < keptRows;
            var dLogits = isKept ? room.Kept + ((long)from * Stride) : room.Logits;
            model.Pool.For(
                WorkKind.Products,
                Tasks(rows),
                new DistilLoop(this, h, taught, inner, taughtInner, banned, temperature, mixture, weight / temperature, normalisers, divergence, dLogits, isKept, from, rows),
                (isKept ? 2.0 : 4.0) * rows * Width * Vocabulary);
            Propagate(targets, from, rows, h, inner, dLogits, room, dHidden, gradients);
        }

        // What was kept holds gradients now.
        keptRows = 0;

        var sum = 0.0;
        for (var i = 0; i < targets.Count; i++)
        {
            sum += divergence[i];
        }

        return sum;
    }

    /// <summary>Replaces a student's logits by the gradient of weight · JSD; returns JSD.</summary>
    private float DivergenceGradient(float* student, float studentNormaliser, float* teacherLogits, float teacherNormaliser, float mixture, float weight)
    {
        var (beta, rest) = (Vector512.Create(mixture), Vector512.Create(1 - mixture));
        var (q0, p0) = (Vector512.Create(studentNormaliser), Vector512.Create(teacherNormaliser));
        var (klP, klQ) = (Vector512<float>.Zero, Vector512<float>.Zero);
        for (var i = 0; i < Stride; i += 16)
        {
            var (logQ, logP) = (Vector512.Load(student + i) - q0, Vector512.Load(teacherLogits + i) - p0);
            var (q, p) = (VectorMath.Exp(logQ), VectorMath.Exp(logP));
            var logM = Vector512.Log(Vector512.Max((beta * p) + (rest * q), Vector512.Create(1e-37f)));

            // A probability that underflows to zero adds nothing, however small its logarithm.
            klP += Vector512.ConditionalSelect(Vector512.Equals(p, Vector512<float>.Zero), Vector512<float>.Zero, p * (logP - logM));
            var term = Vector512.ConditionalSelect(Vector512.Equals(q, Vector512<float>.Zero), Vector512<float>.Zero, q * (logQ - logM));
            klQ += term;

            // q·log(q/m) for now, and q itself beside it where the teacher's logits were.
            term.Store(student + i);
            q.Store(teacherLogits + i);
        }

        var (sumP, sumQ) = (Vector512.Sum(klP), Vector512.Sum(klQ));
        var (mean, scale) = (Vector512.Create(-sumQ), Vector512.Create(weight * (1 - mixture)));
        for (var i = 0; i < Stride; i += 16)
        {
            (Vector512.FusedMultiplyAdd(Vector512.Load(teacherLogits + i), mean, Vector512.Load(student + i)) * scale).Store(student + i);
        }

        return (mixture * sumP) + ((1 - mixture) * sumQ);
    }

    private readonly struct DistilLoop(LanguageHead head, float* hidden, float* taught, float* inner, float* taughtInner, int[] banned, float temperature, float mixture, float weight, float* normalisers, float* divergence, float* dLogits, bool isKept, int from, int rows) : ILoopBody
    {
        public void Run(int index)
        {
            var first = index * RowsPerTask;
            var count = Math.Min(RowsPerTask, rows - first);
            var student = dLogits + ((long)first * head.Stride);
            var teacherLogits = (logitsOfThread ??= new ScratchBuffer()).Get((long)RowsPerTask * head.Stride);
            if (!isKept)
            {
                head.Logits(hidden + ((long)(from + first) * head.Width), head.From(inner, from + first), count, banned, 1 / temperature, student);
            }

            head.Logits(taught + ((long)(from + first) * head.Width), head.From(taughtInner, from + first), count, banned, 1 / temperature, teacherLogits);
            for (var i = 0; i < count; i++)
            {
                var target = from + first + i;
                var row = teacherLogits + ((long)i * head.Stride);
                divergence[target] = head.DivergenceGradient(student + ((long)i * head.Stride), normalisers[target], row, LogitRow.Normaliser(row, head.Vocabulary, out _), mixture, weight);
            }
        }
    }
}
