using CoScientist.Training.Kernels;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Model;

/// <summary>An RMS norm of the model with its gain [D].</summary>
/// <param name="pool">Threads.</param>
/// <param name="weights">Holds the gain.</param>
/// <param name="name">Name of the gain's tensor.</param>
/// <param name="width">D.</param>
/// <param name="epsilon">Added to the mean square.</param>
internal sealed unsafe class Norm(WorkerPool pool, Parameters weights, string name, int width, double epsilon)
{
    private readonly float* gain = weights.Get(name);

    /// <summary>y [R, D] and the inverse roots [R] of x [R, D].</summary>
    public void Forward(float* x, float* y, float* roots, int rows) =>
        RmsNorm.Forward(pool, x, gain, y, roots, rows, width, (float)epsilon);

    /// <summary>What normalises and rotates heads at the end of the product that gives them.</summary>
    public HeadEpilogue Turn(in Matrix projected, in Matrix turned, float* roots, in RopeAngles angles) => new(projected, turned, gain, roots, (float)epsilon, angles);

    /// <summary>dx [R, D] (+)= the gradient of x, and the gain's gradient += its share.</summary>
    public void Backward(float* x, float* roots, float* dy, float* dx, int rows, Parameters gradients, Arena scratch, bool accumulate) =>
        Backward(new Matrix(x, width), roots, dy, dx, rows, gradients, scratch, accumulate);

    /// <summary>The same where a row of <paramref name="x"/> holds several of the R rows, as heads are.</summary>
    public void Backward(in Matrix x, float* roots, float* dy, float* dx, int rows, Parameters gradients, Arena scratch, bool accumulate)
    {
        var partials = scratch.Take(RmsNorm.PartialLength(rows, width));
        var frozen = scratch.Take(width);
        var gradient = gradients.Find(name);
        RmsNorm.Backward(pool, x, gain, roots, dy, dx, gradient is null ? frozen : gradient, partials, rows, width, accumulate);
    }

    /// <summary>Takes the scratch of the backward pass.</summary>
    public static void PlanBackward(int rows, int width, ref Arena scratch)
    {
        scratch.Take(RmsNorm.PartialLength(rows, width));
        scratch.Take(width);
    }
}
