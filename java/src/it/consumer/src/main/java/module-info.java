module example {
  requires org.lrfinder;
  requires org.bytedeco.pytorch;
}
